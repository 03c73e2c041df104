/* dsn_page: how the parts of a notification that people read look, as plain text of 72 columns or as simple HTML that a phone
 * shows well. All texts are clean UTF-8 of one line unless said otherwise; the page escapes what HTML would take for markup.
 * Private to explain/. */
#pragma once

#include "lib/buf.h"

struct page {
    struct buf *b;
    bool html;
};

/* The whole page; title: for HTML. */
void page_open(const struct page *g, const char *title);
void page_close(const struct page *g);
/* One language's part, and what stands between two. */
void page_begin(const struct page *g, const char *lang);
void page_end(const struct page *g);
void page_divide(const struct page *g, const char *language);

void page_paragraph(const struct page *g, struct str text);
void page_gap(const struct page *g);
/* "Label: value", short. */
void page_field(const struct page *g, const char *label, struct str value);
/* A recipient's address: what follows is about it. */
void page_recipient(const struct page *g, struct str address);
/* About a recipient: "Label: sentence"; "Label:" before a quotation; the quotation, several lines parted by LF. */
void page_labelled(const struct page *g, const char *label, struct str text);
void page_says(const struct page *g, struct str label);
void page_quote(const struct page *g, struct str lines);
