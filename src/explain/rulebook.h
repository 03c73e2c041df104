/* rulebook: the shapes of the tables that tools/compile-rules makes of rules/ at build time. Private to explain/. */
#pragma once

#include "explain/cause.h"

#include <stdint.h>

extern const struct cause rulebook_cause[];
extern const unsigned rulebook_causes;

extern const struct code_meaning rulebook_meaning[];
extern const unsigned rulebook_meanings;

/* What a code speaks for when there is nothing else: a reply code, or (code 0) an enhanced code's subject and detail. Rows with a
 * phase stand before the general one. */
struct code_row {
    uint16_t code, subject, detail;
    uint8_t phase, confidence;
    uint16_t cause, meaning;
    const char *rule;
};
extern const struct code_row rulebook_code[]; /* sorted by code, subject, detail */
extern const unsigned rulebook_codes;

/* A rule's conditions: for which first digits (bits; bit 0: for what has no code), phases (bits), codes or enhanced codes it
 * speaks; none: for all. */
struct rule {
    const char *name, *source;
    int16_t cause; /* -1: a doubt: no cause of its own, but no address is dead where it matches */
    uint8_t confidence;
    uint8_t provider; /* 0: nobody's in particular */
    bool only;        /* for that provider's hosts only */
    uint8_t classes;
    uint16_t phases;
    uint16_t range, ranges;
};
extern const struct rule rulebook_rule[];
struct rule_range {
    uint8_t class; /* 0: any */
    uint16_t code; /* 0: an enhanced code is meant */
    uint16_t subject, detail_first, detail_last;
};
extern const struct rule_range rulebook_range[];
extern const uint16_t rulebook_bare[]; /* rules without phrases */
extern const unsigned rulebook_bares;

extern const char *const rulebook_provider[];       /* [0] "" */
extern const char *const rulebook_provider_title[]; /* as people call it */
extern const unsigned rulebook_providers;
struct rule_host {
    const char *suffix;
    uint8_t length, provider;
};
extern const struct rule_host rulebook_host[];
extern const unsigned rulebook_hosts;

/* The automaton: the child of node p by byte c is at base + c if that node's parent is p; otherwise go on from fail, which leads
 * only to what began at a word's edge or need not. */
struct rule_node {
    int32_t base, parent;
    uint32_t fail;
    uint32_t hit; /* row of rulebook_hit; 0: none. HIT_INNER: one of its words may end inside a longer one */
};
#define HIT_INNER 0x80000000u
extern const struct rule_node rulebook_node[];
extern const bool rulebook_inner[256]; /* may a word that need not begin at an edge begin with this byte? */
extern const uint16_t rulebook_hit[];  /* numbers of words that end here; 0 ends a row */
struct rule_word {
    uint32_t use;
    uint16_t length, uses;
    bool open_start, open_end; /* some use need not begin or end at a word's edge */
};
extern const struct rule_word rulebook_word[]; /* [0]: none */
/* Where a word stands: a step of a phrase. It counts if the step before (slot `before`) ended just before it, or, with a gap, not
 * far before it. */
struct rule_use {
    int16_t owner; /* a rule; below 0: provider -owner is recognised */
    uint16_t slot, before;
    uint8_t skipped;           /* so many steps after this one are optional: they count as done too */
    bool first;                /* the phrase may begin here */
    bool gap, final;           /* the phrase may end here */
    bool open_start, open_end; /* need not begin or end at a word's edge */
    uint32_t next;             /* which letters the phrase may go on with (bits, letter_bit in match.c); 0: it is at its end */
};
extern const struct rule_use rulebook_use[];
extern const unsigned rulebook_slots;
enum { RULE_SLOTS_MAX = 6000, RULE_GAP_MAX = 80 };

extern const char rulebook_latin[][3]; /* U+00C0..U+017F folded */
extern const char rulebook_byte[];     /* bytes 0x80..0xFF that are no UTF-8, folded */
