/* Any text decoded and encoded again, by every form. */
#include "lib/must.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

typedef bool convert_fn(struct str s, struct buf *b);

/* What `decode` understands, `encode` writes in a form that decodes to the same. */
static void there_and_back(convert_fn *decode, convert_fn *encode, struct str s)
{
    struct buf plain = {0}, encoded = {0}, again = {0};
    if (decode(s, &plain)) {
        must(encode(buf_str(&plain), &encoded));
        must(decode(buf_str(&encoded), &again));
        must(str_eq(buf_str(&plain), buf_str(&again)));
    }
    buf_done(&plain);
    buf_done(&encoded);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_mem(data, size), type;
    struct buf b = {0};
    there_and_back(xtext_decode, xtext_encode, s);
    there_and_back(utf8_addr_decode, utf8_addr_xtext, s);
    there_and_back(utf8_addr_decode, utf8_addr_unitext, s);
    must(xtext_decode(s, &b) == xtext_valid(s));
    b.n = 0;
    if (utf8_addr_xtext(s, &b))
        must(!utf8_needed(buf_str(&b)) && utf8_valid(s));
    b.n = 0;
    if (orcpt_decode(s, &type, &b))
        must(type.n > 0 && b.n <= 4 * size);
    buf_done(&b);
    return 0;
}
