#pragma once

#include <CLI/CLI.hpp>

#include "agent/ctl/session.h"

namespace flowmyna::ctl {

/// Each adds one subcommand to `app`; when it is named, `session.run` does its work.
void define_status(CLI::App& app, Session& session);
void define_watch(CLI::App& app, Session& session);
void define_upsert(CLI::App& app, Session& session);
void define_event(CLI::App& app, Session& session);
void define_import(CLI::App& app, Session& session);
void define_export(CLI::App& app, Session& session);
void define_backup(CLI::App& app, Session& session);
void define_receipt(CLI::App& app, Session& session);
void define_pending(CLI::App& app, Session& session);
void define_dead_letters(CLI::App& app, Session& session);
void define_flush(CLI::App& app, Session& session);
void define_pause(CLI::App& app, Session& session);
void define_resume(CLI::App& app, Session& session);
void define_doctor(CLI::App& app, Session& session);

}  // namespace flowmyna::ctl
