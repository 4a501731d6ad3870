/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Request bodies: strict JSON (RFC 8259) before json-glib sees it, because json-glib 1.6 takes
 * comments and recurses as deep as the text says. Any thread; no state. */
#pragma once

#include "lib/span.h"

#include <json-glib/json-glib.h>

#define API_JSON_DEPTH_MAX 24

/* NULL with API_PROBLEM_MALFORMED and the position of the fault. */
JsonNode *api_json_parse (P2pSpan text, GError **error);
