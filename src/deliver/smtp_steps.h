/* smtp_steps: what the client machine's files share: the engine (smtp_out.c, with the table), and the rows' functions, those of
 * the opening (smtp_opening.c) and those of a transaction (smtp_transaction.c). Private to the machine. */
#pragma once

#include "deliver/smtp_out.h"

typedef void say_fn(struct smtp_out *m);
typedef void hear_fn(struct smtp_out *m, uint32_t rcpt, const struct reply *r);

say_fn opening_say_ehlo, opening_say_helo, opening_say_starttls, opening_say_auth_plain, opening_say_auth_login,
    opening_say_auth_name, opening_say_auth_password;
hear_fn opening_hear_banner, opening_hear_ehlo, opening_hear_helo, opening_hear_starttls, opening_hear_auth,
    opening_hear_auth_login, opening_hear_auth_name;
say_fn transaction_say_mail, transaction_say_rcpt, transaction_say_data, transaction_say_body, transaction_say_bdat,
    transaction_say_rset, transaction_say_quit;
hear_fn transaction_hear_mail, transaction_hear_rcpt, transaction_hear_data, transaction_hear_body, transaction_hear_rset,
    transaction_hear_quit;

/* The engine. */
void out_say(struct smtp_out *m, enum step s); /* now, and its reply is awaited */
void out_await(struct smtp_out *m, enum step step, uint32_t rcpt);
void out_pump(struct smtp_out *m);                 /* says what may be said */
void out_put(struct smtp_out *m, struct str line); /* with its CRLF; shown in the dialogue */
/* A recipient's end, the end of all that have none yet, and the end of the conversation (r or note tells why). */
void out_settle(struct smtp_out *m, uint32_t i, enum outcome_status status, enum phase phase, const struct reply *r);
void out_settle_rest(struct smtp_out *m, enum outcome_status status, enum phase phase, const struct reply *r);
void out_fail(struct smtp_out *m, enum phase phase, const struct reply *r, enum note note);
/* By the first digit alone (RFC 5321 4.2). */
enum outcome_status out_status(int code);
