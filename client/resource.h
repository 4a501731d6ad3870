/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API's objects have in common. An object is filled from the server's JSON and refilled in
 * place when a newer answer comes, so that whoever shows it keeps it; "changed" is emitted once per
 * refill that changed anything. Members that this version does not know are kept and ignored. Main
 * thread. */
#pragma once

#include <glib-object.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define P2P_TYPE_RESOURCE (p2p_resource_get_type ())
G_DECLARE_DERIVABLE_TYPE (P2pResource, p2p_resource, P2P, RESOURCE, GObject)

struct _P2pResourceClass
{
  GObjectClass parent_class;

  const char *path; /* of its list behind /api/v1 */

  /* members: borrowed, and valid until the next call. The base has read its own members before. */
  void (*apply) (P2pResource *self, JsonObject *members);
};

P2pResource *p2p_resource_new (GType type, JsonObject *members);

/* Takes a reference on members, which must not change afterwards. Returns whether anything differs
 * from before. */
bool p2p_resource_apply (P2pResource *self, JsonObject *members);

/* Reads self again from what other was last read from. */
bool p2p_resource_apply_other (P2pResource *self, P2pResource *other);

const char *p2p_resource_get_path (P2pResource *self);
int64_t p2p_resource_get_id (P2pResource *self);
int64_t p2p_resource_get_version (P2pResource *self);
const char *p2p_resource_get_name (P2pResource *self);
bool p2p_resource_get_enabled (P2pResource *self);

/* The API's word for what it does now ("running", "connected", "healthy", ...); a route's is made
 * of its targets'. */
const char *p2p_resource_get_state (P2pResource *self);
/* Why the state is bad; "" when there is nothing to say. */
const char *p2p_resource_get_last_error (P2pResource *self);

/* For subclasses, inside apply. */
void p2p_resource_set_state (P2pResource *self, const char *state, const char *last_error);
