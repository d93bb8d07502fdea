#pragma once

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// Where the tables of an outbox begin in its file. `migrate` puts them on the same pages in every
/// file of a version, at its front (sqlite.org/fileformat2.html, "Pointer Map or Ptrmap Pages"), so
/// a damaged first page can be recognised, and that of an empty outbox can stand in for it. A
/// VACUUM, or a .dump that was restored, puts tables elsewhere; that is no damage. But a damaged
/// page number in the first page looks much the same, and would lead to another table, or to a part
/// of the right one.
///
/// So a file with an unusual layout is examined once, page by page (PRAGMA quick_check), and the
/// layout is noted in the file's application id as a checksum of the page numbers. At the next
/// start the note is enough.

/// In what follows, `model` is an empty outbox of the file's version (schema.h).

/// No table of an empty outbox begins after this page.
inline constexpr int kModelPagesMax = 32;

/// kCorrupt when a table may not begin where the first page says. Reads a few pages, or all of them
/// when the file's layout is unusual and not noted yet. Writes the note, or leaves it to the next
/// start when the disk is full.
Result<void> check_layout(const sqlite::Connection& connection, const sqlite::Connection& model);

/// Whether a damaged file's first page leads to its tables, as far as can be told: one number that
/// differs from what it should be is damage, several are an unusual layout.
bool is_credible_layout(const sqlite::Connection& connection, const sqlite::Connection& model);

/// Whether free space inside the file can be given back in steps, which a restored .dump cannot
/// do until `VACUUM` has written it anew once.
Result<bool> can_shrink(const sqlite::Connection& connection);

}  // namespace flowmyna
