/* author: whose domain a message shows: the first address of its From field (RFC 5322 3.4, 3.6.2, 4.4). */
#include "mail/header.h"
#include "mail/mailbox.h"
#include "sign/sign.h"

/* Moves past a quoted string or a comment that begins at i; returns where it ends. */
static size_t skip(struct str s, size_t i)
{
    char open = s.p[i];
    unsigned depth = 1;
    for (i++; i < s.n && depth; i++)
        if (s.p[i] == '\\')
            i++;
        else if (open == '"')
            depth = s.p[i] != '"';
        else
            depth += (s.p[i] == '(') - (unsigned)(s.p[i] == ')');
    return i < s.n ? i : s.n;
}

/* The text of the first address without comments, quoted strings and display name, so that what follows its last "@" is the
 * domain. */
static struct str first_address(struct str s, struct buf *b)
{
    bool angle = false;
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        if (c == '"' || c == '(') {
            i = skip(s, i);
            continue;
        }
        i++;
        if (c == '<' || (c == ':' && !memchr(b->p ? b->p : "", '[', b->n))) { /* a name, a group or a route ends here */
            angle |= c == '<';
            b->n = 0;
        } else if (c == '>' || (c == ';' && !angle) || (c == ',' && !angle)) {
            if (c == '>' || memchr(b->p ? b->p : "", '@', b->n))
                break;
            b->n = 0;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            buf_add(b, &c, 1);
        }
    }
    return buf_str(b);
}

bool sign_author(struct str message, struct arena *a, struct str *ret)
{
    struct header_field f;
    struct buf b = {0};
    const char *why;
    bool good = header_find(message, STR("From"), 0, &f);
    if (good) {
        struct str address = first_address(f.value, &b);
        const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;
        struct str domain = at ? str_mem(at + 1, address.n - (size_t)(at + 1 - address.p)) : (struct str){"", 0};
        good = domain_valid(domain, true) && domain_ascii(domain, a, ret, &why);
    }
    buf_done(&b);
    return good;
}
