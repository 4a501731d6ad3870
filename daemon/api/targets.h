/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What runs of a target, as JSON. Any thread. */
#pragma once

#include "daemon/config/config.h"

#include <json-glib/json-glib.h>

/* The status member of the target in that route. */
JsonObject *api_target_status (const Config *cfg, int64_t route_id, int64_t id);
