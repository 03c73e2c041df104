/* text: see text.h. */
#include "cli/text.h"

#include "cli/catalogue.h"

CATALOGUE(text, TEXTS)
