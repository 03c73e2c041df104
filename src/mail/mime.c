/* mime: see mime.h. */
#include "mail/mime.h"

struct str mime_bounded(struct str mail, unsigned boundaries_max)
{
    const char *at = mail.p, *end = mail.p + mail.n;
    for (unsigned n = 0; (at = memmem(at, (size_t)(end - at), "oundary=", 8)); n++, at += 8)
        if (n == boundaries_max)
            return str_mem(mail.p, (size_t)(at - mail.p));
    return mail;
}
