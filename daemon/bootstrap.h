/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* BOOTSTRAP_AGENT_ID, _NAME and _TOKEN: an agent that is there from the first start on, for places
 * that are set up without a person. */
#pragma once

#include "daemon/settings.h"

#include <glib.h>

/* What is wrong with the three (static), or NULL: they go together or not at all. */
const char *bootstrap_fault (const Settings *settings);

/* Makes the agent unless there is one of that id, which then keeps what it has. After config_start
 * (), before the first thread; blocks on the disk. */
bool bootstrap_start (const Settings *settings, GError **error);
