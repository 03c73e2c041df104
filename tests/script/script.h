/* script: SMTP dialogues as text. A file holds cases; each is run twice, with what the peer says fed whole and byte by byte, and
 * must come out the same.
 *
 *   == name_of_the_behaviour
 *   . set thing            the surroundings: what the file's runner knows
 *   C: EHLO a.test         a line the client says (CR LF is added)
 *   C= a\r\n{x*1000}       raw bytes: \r \n \0 \t \\ \xHH, and {text*N} is repeated; repetition works in C: and S: too
 *   S: 250 *               a line the server says; of the side under test it is a pattern as in fnmatch(3), '!' lines likewise
 *   ! event                something else that the side under test must do
 *
 * What the side under test does must stand in the script in its order, and all of it. */
#pragma once

#include "lib/buf.h"

struct script_side {
    char peer;                                         /* 'C' or 'S': whose lines are fed */
    void *(*open)(void);                               /* a fresh machine for a case */
    void (*close)(void *side);                         /* and its end */
    bool (*set)(void *side, struct str word, struct str rest); /* a "." line; false: not known */
    size_t (*feed)(void *side, const char *p, size_t n);       /* eats some; the rest is offered again after a "." line */
};

/* For the side under test: what it did. Each call is a line of its own that the script must expect. */
void script_did(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What it said: bytes, cut into lines here ("C: ..." or "S: ..."). Content lines are shown as they are. */
void script_said(char who, const char *p, size_t n);

/* Runs the files named in argv; the exit code. */
int script_main(int argc, char **argv, const struct script_side *side);
