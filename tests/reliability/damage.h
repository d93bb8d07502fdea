#pragma once

#include <random>
#include <string>

#include "reliability/btree_map.h"

namespace flowmyna::test {

/// What was done to the files of an outbox.
struct Damage {
  std::string what;
  PageSet pages;  ///< of the database that are not what they were
  bool log_is_damaged = false;
  bool version_is_hit = false;  ///< the field that tells which version wrote the file
};

/// Flips, overwrites, cuts or replaces something of an outbox file or its log, by chance.
Damage damage(const std::string& path, std::mt19937_64& random);

/// Puts noise in the place of one page of the database, counted from 1.
Damage damage_page(const std::string& path, std::uint32_t page, std::mt19937_64& random);

/// The same with one page of the log, counted from 0.
Damage damage_frame(const std::string& path, std::uint32_t frame, std::mt19937_64& random);

}  // namespace flowmyna::test
