/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Labels and selectors as text. Any thread; no state. */
#pragma once

#include <json-glib/json-glib.h>

/* "key=value, key=value", by key; "" for none or NULL. Caller owns. */
char *p2p_labels_dup_text (JsonObject *labels);
