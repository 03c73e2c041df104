/* result: how an authentication method ended, in the words of RFC 8601 2.7. */
#pragma once

enum auth_result { AUTH_NONE, AUTH_PASS, AUTH_FAIL, AUTH_POLICY, AUTH_NEUTRAL, AUTH_TEMPERROR, AUTH_PERMERROR };
const char *auth_result_name(enum auth_result r);
