/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A route with its targets. Main thread. */
#include "client/route.h"

#include <string.h>

#include "client/json.h"
#include "client/store.h"
#include "client/target.h"

struct _P2pRoute
{
  P2pResource parent_instance;

  int64_t listener_id;
  int64_t priority;
  bool is_default;
  bool is_redirect;
  char *host_pattern;    /* (owned) */
  char *path_prefix;     /* (owned) */
  char *redirect_target; /* (owned) */
  P2pStore *targets;     /* (owned) */
};

G_DEFINE_FINAL_TYPE (P2pRoute, p2p_route, P2P_TYPE_RESOURCE)

static const char *
state_of_targets (P2pRoute *self, const char **ret_last_error)
{
  unsigned n_enabled = 0, n_healthy = 0, n_failing = 0;

  for (unsigned i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->targets)); i++)
    {
      g_autoptr (P2pResource) target = g_list_model_get_item (G_LIST_MODEL (self->targets), i);
      const char *state = p2p_resource_get_state (target);

      if (!p2p_resource_get_enabled (target))
        continue;
      n_enabled++;
      if (strcmp (state, "unhealthy") == 0 || strcmp (state, "disconnected") == 0)
        {
          n_failing++;
          *ret_last_error = p2p_resource_get_last_error (target);
        }
      else if (strcmp (state, "healthy") == 0 || p2p_target_is_static (P2P_TARGET (target)))
        n_healthy++;
    }
  if (n_enabled == 0)
    return "empty";
  if (n_failing == n_enabled)
    return "unhealthy";
  if (n_failing > 0)
    return "degraded";
  return n_healthy > 0 ? "healthy" : "unknown";
}

static void
update_targets (P2pRoute *self, JsonArray *targets)
{
  g_autoptr (GPtrArray) fresh = g_ptr_array_new_with_free_func (g_object_unref);

  for (unsigned i = 0; targets != NULL && i < json_array_get_length (targets); i++)
    {
      JsonObject *members = p2p_json_array_object (targets, i);

      if (members != NULL)
        g_ptr_array_add (fresh, p2p_resource_new (P2P_TYPE_TARGET, members));
    }
  p2p_store_merge (self->targets, fresh);
}

static void
p2p_route_apply (P2pResource *resource, JsonObject *members)
{
  P2pRoute *self = P2P_ROUTE (resource);
  const char *last_error = "";
  const char *state;

  self->listener_id = p2p_json_int (members, "listener_id", 0);
  self->priority = p2p_json_int (members, "priority", 0);
  self->is_default = p2p_json_bool (members, "is_default", false);
  self->is_redirect = strcmp (p2p_json_str (members, "action", ""), "redirect") == 0;
  g_free (self->host_pattern);
  self->host_pattern = g_strdup (p2p_json_str (members, "host_pattern", ""));
  g_free (self->path_prefix);
  self->path_prefix = g_strdup (p2p_json_str (members, "path_prefix", ""));
  g_free (self->redirect_target);
  self->redirect_target = g_strdup (p2p_json_str (members, "redirect_target", ""));
  update_targets (self, p2p_json_array (members, "targets"));

  if (!p2p_resource_get_enabled (resource))
    state = "disabled";
  else if (self->is_redirect)
    state = "redirect";
  else
    state = state_of_targets (self, &last_error);
  p2p_resource_set_state (resource, state, last_error);
}

static void
p2p_route_finalize (GObject *object)
{
  P2pRoute *self = P2P_ROUTE (object);

  g_free (self->host_pattern);
  g_free (self->path_prefix);
  g_free (self->redirect_target);
  g_clear_object (&self->targets);
  G_OBJECT_CLASS (p2p_route_parent_class)->finalize (object);
}

static void
p2p_route_class_init (P2pRouteClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_route_finalize;
  P2P_RESOURCE_CLASS (klass)->apply = p2p_route_apply;
  P2P_RESOURCE_CLASS (klass)->path = "/routes";
}

static void
p2p_route_init (P2pRoute *self)
{
  self->targets = p2p_store_new (P2P_TYPE_TARGET);
}

int64_t
p2p_route_get_listener_id (P2pRoute *self)
{
  return self->listener_id;
}

int64_t
p2p_route_get_priority (P2pRoute *self)
{
  return self->priority;
}

bool
p2p_route_is_default (P2pRoute *self)
{
  return self->is_default;
}

bool
p2p_route_is_redirect (P2pRoute *self)
{
  return self->is_redirect;
}

const char *
p2p_route_get_host_pattern (P2pRoute *self)
{
  return self->host_pattern;
}

const char *
p2p_route_get_path_prefix (P2pRoute *self)
{
  return self->path_prefix;
}

const char *
p2p_route_get_redirect_target (P2pRoute *self)
{
  return self->redirect_target;
}

GListModel *
p2p_route_get_targets (P2pRoute *self)
{
  return G_LIST_MODEL (self->targets);
}
