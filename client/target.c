/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A target of a route. Main thread. */
#include "client/target.h"

#include <string.h>

#include "client/json.h"
#include "client/labels.h"

struct _P2pTarget
{
  P2pResource parent_instance;

  bool is_static;
  bool by_agent;
  int static_status;
  char *url;      /* (owned) */
  char *selector; /* (owned) */
  int64_t active_requests;
};

G_DEFINE_FINAL_TYPE (P2pTarget, p2p_target, P2P_TYPE_RESOURCE)

static void
p2p_target_apply (P2pResource *resource, JsonObject *members)
{
  P2pTarget *self = P2P_TARGET (resource);
  JsonObject *status = p2p_json_object (members, "status");
  JsonObject *selector = p2p_json_object (members, "agent_selector");

  self->is_static = strcmp (p2p_json_str (members, "type", ""), "static") == 0;
  self->by_agent = strcmp (p2p_json_str (members, "transport", ""), "agent") == 0;
  self->static_status = (int) CLAMP (p2p_json_int (members, "static_status_code", 0), 0, 999);
  g_free (self->url);
  self->url = g_strdup (p2p_json_str (members, "url", ""));
  g_free (self->selector);
  self->selector = p2p_labels_dup_text (p2p_json_object (selector, "match_labels"));
  self->active_requests = p2p_json_int (status, "active_requests", 0);
  p2p_resource_set_state (resource, p2p_json_str (status, "health", "unknown"),
                          p2p_json_str (status, "last_error", ""));
}

static void
p2p_target_finalize (GObject *object)
{
  P2pTarget *self = P2P_TARGET (object);

  g_free (self->url);
  g_free (self->selector);
  G_OBJECT_CLASS (p2p_target_parent_class)->finalize (object);
}

static void
p2p_target_class_init (P2pTargetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_target_finalize;
  P2P_RESOURCE_CLASS (klass)->apply = p2p_target_apply;
  P2P_RESOURCE_CLASS (klass)->path = "/targets";
}

static void
p2p_target_init (G_GNUC_UNUSED P2pTarget *self)
{
}

bool
p2p_target_is_static (P2pTarget *self)
{
  return self->is_static;
}

bool
p2p_target_is_by_agent (P2pTarget *self)
{
  return self->by_agent;
}

const char *
p2p_target_get_url (P2pTarget *self)
{
  return self->url;
}

int
p2p_target_get_static_status (P2pTarget *self)
{
  return self->static_status;
}

const char *
p2p_target_get_selector (P2pTarget *self)
{
  return self->selector;
}

int64_t
p2p_target_get_active_requests (P2pTarget *self)
{
  return self->active_requests;
}
