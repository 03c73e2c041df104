/* text: see text.h. */
#include "cli/text.h"

const char *text(enum lang l, enum text t)
{
#define ROW(name, en, pl) {en, pl},
    static const char *const rows[TEXT_COUNT][2] = {TEXTS(ROW)};
#undef ROW
    return rows[t][l];
}
