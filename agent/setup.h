/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* From settings to what the agent works with: token, URL, trust, limits. Before the first thread.
 */
#pragma once

#include "agent/agent.h"

#include <glib.h>

/* Fills agent from agent.settings; one sentence on what is wrong otherwise. */
bool setup_agent (GError **error);
void setup_clear (void);
