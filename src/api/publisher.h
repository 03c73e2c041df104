/* publisher: the thread that brings changed suppression lists to the engine. Private to the room. */
#pragma once

#include "api/office.h"

struct publisher;
/* Starts the thread, with a connection of its own to the database, which the caller has brought up to date. */
bool publisher_open(struct publisher **ret, const struct office_options *o, struct fault *f);
void publisher_close(struct publisher **p);
