/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What an agent reported over time, in two grains: the last report of each minute for an hour, of
 * each quarter of an hour for a day. Values in memory, some 20 KB for an agent that reports all
 * day; the caller has the lock and gives the time (UTC milliseconds). */
#pragma once

#include "daemon/agents/agents.h"

typedef struct AgentReports AgentReports;

/* Makes it if *reports is NULL. */
void agent_reports_note (AgentReports **reports, const AgentReportPoint *point);
void agent_reports_free (AgentReports *reports);
/* Those since then, oldest first, in the finest grain that goes back so far; reports is (nullable).
 * Of AgentReportPoint; the caller owns it. */
GArray *agent_reports_copy (const AgentReports *reports, int64_t since_ms, int64_t now_ms);
