/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Reading members of a server's answer without trusting their type: a member that is missing or of
 * another type is the fallback, never a warning. Everything returned is borrowed from the object.
 * Any thread. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* object may be NULL in all of these. */
const char *p2p_json_str (JsonObject *object, const char *member, const char *fallback);
int64_t p2p_json_int (JsonObject *object, const char *member, int64_t fallback);
bool p2p_json_bool (JsonObject *object, const char *member, bool fallback);
JsonObject *p2p_json_object (JsonObject *object, const char *member); /* (nullable) */
JsonArray *p2p_json_array (JsonObject *object, const char *member);   /* (nullable) */

JsonObject *p2p_json_node_object (JsonNode *node);                        /* (nullable) */
JsonObject *p2p_json_array_object (JsonArray *array, unsigned index); /* (nullable) */
