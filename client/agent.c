/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* An agent. Main thread. */
#include "client/agent.h"

#include "client/json.h"
#include "client/labels.h"

struct _P2pAgent
{
  P2pResource parent_instance;

  char *public_id;       /* (owned), as all texts here */
  char *address;
  char *version;
  char *connected_at;
  char *disconnected_at;
  char *labels;
  bool version_mismatch;
  int64_t active_requests;
  double round_trip_ms;
};

G_DEFINE_FINAL_TYPE (P2pAgent, p2p_agent, P2P_TYPE_RESOURCE)

static void
p2p_agent_clear (P2pAgent *self)
{
  g_clear_pointer (&self->public_id, g_free);
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->version, g_free);
  g_clear_pointer (&self->connected_at, g_free);
  g_clear_pointer (&self->disconnected_at, g_free);
  g_clear_pointer (&self->labels, g_free);
}

/* A fraction of a millisecond is usual on a local network, so the number need not be an integer. */
static double
round_trip (JsonObject *status)
{
  JsonNode *node = status != NULL ? json_object_get_member (status, "round_trip_ms") : NULL;

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    return -1;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    return (double) json_node_get_int (node);
  return json_node_get_value_type (node) == G_TYPE_DOUBLE ? json_node_get_double (node) : -1;
}

static void
p2p_agent_apply (P2pResource *resource, JsonObject *members)
{
  P2pAgent *self = P2P_AGENT (resource);
  JsonObject *status = p2p_json_object (members, "status");

  p2p_agent_clear (self);
  self->public_id = g_strdup (p2p_json_str (members, "public_id", ""));
  self->labels = p2p_labels_dup_text (p2p_json_object (members, "labels"));
  self->address = g_strdup (p2p_json_str (status, "address", ""));
  self->version = g_strdup (p2p_json_str (status, "version", ""));
  self->connected_at = g_strdup (p2p_json_str (status, "connected_at", ""));
  self->disconnected_at = g_strdup (p2p_json_str (status, "disconnected_at", ""));
  self->version_mismatch = p2p_json_bool (status, "version_mismatch", false);
  self->active_requests = p2p_json_int (status, "active_requests", 0);
  self->round_trip_ms = round_trip (status);
  p2p_resource_set_state (resource, p2p_json_str (status, "state", "unknown"), "");
}

static void
p2p_agent_finalize (GObject *object)
{
  p2p_agent_clear (P2P_AGENT (object));
  G_OBJECT_CLASS (p2p_agent_parent_class)->finalize (object);
}

static void
p2p_agent_class_init (P2pAgentClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_agent_finalize;
  P2P_RESOURCE_CLASS (klass)->apply = p2p_agent_apply;
  P2P_RESOURCE_CLASS (klass)->path = "/agents";
}

static void
p2p_agent_init (G_GNUC_UNUSED P2pAgent *self)
{
}

const char *
p2p_agent_get_public_id (P2pAgent *self)
{
  return self->public_id;
}

const char *
p2p_agent_get_address (P2pAgent *self)
{
  return self->address;
}

const char *
p2p_agent_get_version (P2pAgent *self)
{
  return self->version;
}

bool
p2p_agent_get_version_mismatch (P2pAgent *self)
{
  return self->version_mismatch;
}

int64_t
p2p_agent_get_active_requests (P2pAgent *self)
{
  return self->active_requests;
}

double
p2p_agent_get_round_trip_ms (P2pAgent *self)
{
  return self->round_trip_ms;
}

const char *
p2p_agent_get_connected_at (P2pAgent *self)
{
  return self->connected_at;
}

const char *
p2p_agent_get_disconnected_at (P2pAgent *self)
{
  return self->disconnected_at;
}

const char *
p2p_agent_get_labels (P2pAgent *self)
{
  return self->labels;
}
