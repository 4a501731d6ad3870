/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How agents look in answers, for the handlers about them. Pure; any thread. */
#pragma once

#include "daemon/agents/agents.h"

#include <json-glib/json-glib.h>

extern const char *const api_agent_state_words[]; /* by AgentState */

JsonObject *api_agent_report_to_json (const AgentReport *report);
