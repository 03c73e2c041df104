/* around: what the settings say of this server that the room needs: who it is, where its keys are. Private to the room. */
#pragma once

#include "lib/fault.h"
#include "lib/net.h"
#include "settings/settings.h"

struct around {
    struct settings *settings;
    char data[512], keys[600];
    const char *address[2]; /* that mail leaves from, IPv4 and IPv6; NULL: the settings name none */
    char text[2][NET_TEXT];
};

/* Reads a settings file; around_done in any case. */
bool around_read(struct around *a, const char *path, struct fault *f);
void around_done(struct around *a);
