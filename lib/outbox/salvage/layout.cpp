#include "outbox/salvage/layout.h"

#include <libdeflate.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// Of each table and index the page on which it begins.
using Roots = std::map<std::string, std::int64_t>;

Result<Roots> roots_of(const Connection& connection) {
  auto query = Statement::prepare(
      connection, "SELECT name, rootpage FROM sqlite_schema WHERE rootpage IS NOT NULL");
  if (!query) return tl::make_unexpected(query.error());
  Roots roots;
  while (true) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return roots;
    roots.emplace(query->blob(0), query->integer(1));
  }
}

struct Layout {
  Roots found;  ///< of our tables alone
  std::size_t elsewhere = 0;
  bool is_plain = false;  ///< no two begin on one page
};

Result<Layout> layout_of(const Connection& connection, const Connection& model) {
  const auto wanted = roots_of(model);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const auto found = roots_of(connection);
  if (!found) return tl::make_unexpected(found.error());
  Layout layout;
  std::set<std::int64_t> pages;
  for (const auto& [name, page] : *wanted) {
    const auto at = found->find(name);
    if (at == found->end()) return fail(Error::Kind::kCorrupt, "the outbox lacks a table");
    layout.found.insert(*at);
    if (at->second != page) ++layout.elsewhere;
    pages.insert(at->second);
  }
  layout.is_plain = pages.size() == layout.found.size();
  return layout;
}

/// Not 0, which is what a file has that nobody has noted anything in.
std::int64_t note_of(const Layout& layout) {
  std::string text;
  for (const auto& [name, page] : layout.found) text += name + ' ' + std::to_string(page) + ';';
  // The field is a signed number of 32 bits.
  return std::int64_t{libdeflate_crc32(0, text.data(), text.size()) >> 1U} | 1;
}

}  // namespace

Result<void> check_layout(const Connection& connection, const Connection& model) {
  const auto layout = layout_of(connection, model);
  if (!layout) return tl::make_unexpected(layout.error());
  if (layout->elsewhere == 0) return {};
  const auto noted = connection.integer("PRAGMA application_id");
  if (!noted) return tl::make_unexpected(noted.error());
  if (*noted == note_of(*layout)) return {};
  spdlog::info("outbox: another program has rewritten the file (VACUUM?); checking all of it");
  const auto sound = connection.integer("SELECT quick_check = 'ok' FROM pragma_quick_check(1)");
  if (!sound) return tl::make_unexpected(sound.error());
  if (*sound == 0) {
    return fail(Error::Kind::kCorrupt, "the outbox is damaged: its tables are not where they were");
  }
  const std::string note = "PRAGMA application_id = " + std::to_string(note_of(*layout));
  auto done = connection.execute(note.c_str());
  if (!done && done.error().kind == Error::Kind::kFull) return {};
  return done;
}

bool is_credible_layout(const Connection& connection, const Connection& model) {
  const auto layout = layout_of(connection, model);
  return layout && layout->elsewhere != 1 && layout->is_plain;
}

Result<bool> can_shrink(const Connection& connection) {
  return connection.integer("PRAGMA auto_vacuum").map([](std::int64_t mode) { return mode != 0; });
}

}  // namespace flowmyna
