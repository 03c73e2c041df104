/* mime: what a mail may ask of the library that takes it apart. */
#pragma once

#include "lib/str.h"

/* The mail up to its boundaries_max-th "boundary=": GMime looks for each of them in every line behind it. */
struct str mime_bounded(struct str mail, unsigned boundaries_max);
