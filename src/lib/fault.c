/* fault: see fault.h. */
#include "lib/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fault_set(struct fault *f, const char *fmt, ...)
{
    if (!f)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    f->code = 0;
    return false;
}

bool fault_errno(struct fault *f, int code, const char *fmt, ...)
{
    if (!f)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    size_t n = strlen(f->text);
    snprintf(f->text + n, sizeof f->text - n, ": %s", strerror(code));
    f->code = code;
    return false;
}

bool fault_wrap(struct fault *f, const char *fmt, ...)
{
    if (!f)
        return false;
    char inner[sizeof f->text];
    memcpy(inner, f->text, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    size_t n = strlen(f->text);
    snprintf(f->text + n, sizeof f->text - n, ": %s", inner);
    return false;
}
