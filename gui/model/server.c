/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server one is signed in to. One refresh at a time: the next is timed when the last list of this
 * one has come, so a slow server is not asked faster than it answers. Main thread. */
#include "gui/model/server.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "client/agent.h"
#include "client/error.h"
#include "client/listener.h"
#include "client/route.h"

enum
{
  REFRESH_S = 3,
  N_LISTS = 3,
};

/* Seconds until the next try, by the number of failures; the last one stays. */
static const int retry_s[] = { 3, 5, 10, 20, 30 };

struct _P2pServer
{
  GObject parent_instance;

  P2pClient *client;         /* (owned) */
  P2pStore *lists[N_LISTS];  /* (owned) */
  P2pServerState state;
  char *error;               /* (owned) */
  GCancellable *cancellable; /* (owned) of everything under way */
  GError *failure;           /* (owned) (nullable) first one of this refresh */
  GPtrArray *fresh[N_LISTS]; /* (owned) (nullable) what this refresh has brought so far */
  int n_pending;
  bool again; /* asked for while one was under way */
  GPtrArray *touched; /* (owned) P2pResource: shown again after the refresh that follows a change */
  unsigned n_failures;
  unsigned timer_id;
};

G_DEFINE_FINAL_TYPE (P2pServer, p2p_server, G_TYPE_OBJECT)

enum
{
  SIGNAL_CHANGED,
  SIGNAL_REFRESHED,
  SIGNAL_SIGNED_OUT,
  SIGNAL_UNTRUSTED,
  SIGNAL_CALL_FAILED,
  N_SIGNALS,
};

static unsigned signals[N_SIGNALS];

typedef GPtrArray *(*ListFinish) (P2pClient *client, GAsyncResult *result, GError **error);

enum
{
  LISTENERS,
  ROUTES,
  AGENTS,
};

static void
p2p_server_dispose (GObject *object)
{
  P2pServer *self = P2P_SERVER (object);

  g_clear_handle_id (&self->timer_id, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  G_OBJECT_CLASS (p2p_server_parent_class)->dispose (object);
}

static void
p2p_server_finalize (GObject *object)
{
  P2pServer *self = P2P_SERVER (object);

  g_clear_object (&self->client);
  g_clear_object (&self->cancellable);
  for (int i = 0; i < N_LISTS; i++)
    {
      g_clear_object (&self->lists[i]);
      g_clear_pointer (&self->fresh[i], g_ptr_array_unref);
    }
  g_clear_error (&self->failure);
  g_ptr_array_unref (self->touched);
  g_free (self->error);
  G_OBJECT_CLASS (p2p_server_parent_class)->finalize (object);
}

static void
p2p_server_class_init (P2pServerClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_server_dispose;
  G_OBJECT_CLASS (klass)->finalize = p2p_server_finalize;
  signals[SIGNAL_CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_REFRESHED] =
      g_signal_new ("refreshed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_SIGNED_OUT] =
      g_signal_new ("signed-out", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_UNTRUSTED] =
      g_signal_new ("untrusted", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CALL_FAILED] = g_signal_new ("call-failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                              NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
}

static void
p2p_server_init (P2pServer *self)
{
  self->lists[LISTENERS] = p2p_store_new (P2P_TYPE_LISTENER);
  self->lists[ROUTES] = p2p_store_new (P2P_TYPE_ROUTE);
  self->lists[AGENTS] = p2p_store_new (P2P_TYPE_AGENT);
  self->cancellable = g_cancellable_new ();
  self->touched = g_ptr_array_new_with_free_func (g_object_unref);
  self->error = g_strdup ("");
}

P2pServer *
p2p_server_new (P2pClient *client)
{
  P2pServer *self = g_object_new (P2P_TYPE_SERVER, NULL);

  self->client = g_object_ref (client);
  return self;
}

static gboolean
timer_cb (gpointer user_data)
{
  P2pServer *self = user_data;

  self->timer_id = 0;
  p2p_server_refresh (self);
  return G_SOURCE_REMOVE;
}

static void
set_state (P2pServer *self, P2pServerState state, const char *error)
{
  self->state = state;
  g_free (self->error);
  self->error = g_strdup (error);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
refresh_failed (P2pServer *self, const GError *failure)
{
  self->n_failures = MIN (self->n_failures + 1, (unsigned) G_N_ELEMENTS (retry_s));
  if (p2p_client_error_get_status (failure) == 401)
    g_signal_emit (self, signals[SIGNAL_SIGNED_OUT], 0);
  else if (g_error_matches (failure, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED))
    g_signal_emit (self, signals[SIGNAL_UNTRUSTED], 0);
  else
    set_state (self, P2P_SERVER_LOST, failure->message);
}

/* A switch that was pressed shows the wish; now it shows what is, even where nothing came of the
 * wish. */
static void
show_touched (P2pServer *self)
{
  for (unsigned i = 0; i < self->touched->len; i++)
    g_signal_emit_by_name (g_ptr_array_index (self->touched, i), "changed");
  g_ptr_array_set_size (self->touched, 0);
}

/* Returns whether anything is another than before. A route is shown with the names of its listener
 * and agents. */
static bool
merge_lists (P2pServer *self)
{
  bool changed[N_LISTS] = { false };
  GListModel *routes = G_LIST_MODEL (self->lists[ROUTES]);

  for (int i = 0; i < N_LISTS; i++)
    {
      g_autoptr (GPtrArray) fresh = g_steal_pointer (&self->fresh[i]);

      changed[i] = fresh != NULL && p2p_store_merge (self->lists[i], fresh);
    }
  for (unsigned i = 0;
       (changed[LISTENERS] || changed[AGENTS]) && i < g_list_model_get_n_items (routes); i++)
    {
      g_autoptr (P2pResource) route = g_list_model_get_item (routes, i);

      g_signal_emit_by_name (route, "changed");
    }
  return changed[LISTENERS] || changed[ROUTES] || changed[AGENTS];
}

static void
refresh_done (P2pServer *self)
{
  g_autoptr (GError) failure = g_steal_pointer (&self->failure);
  bool changed = merge_lists (self);

  /* The signals may dispose of us: the caller holds a reference, and nothing is timed after a
   * cancellation. */
  if (failure != NULL)
    refresh_failed (self, failure);
  else
    {
      self->n_failures = 0;
      if (self->state != P2P_SERVER_ONLINE)
        set_state (self, P2P_SERVER_ONLINE, "");
    }
  if (changed)
    g_signal_emit (self, signals[SIGNAL_REFRESHED], 0);
  if (g_cancellable_is_cancelled (self->cancellable))
    return;
  if (self->again)
    {
      p2p_server_refresh (self);
      return;
    }
  show_touched (self);
  self->timer_id = g_timeout_add_seconds ((unsigned) p2p_server_get_retry_s (self), timer_cb, self);
}

static void
list_done (P2pServer *self, int list, ListFinish finish, GObject *source, GAsyncResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) fresh = finish (P2P_CLIENT (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (fresh != NULL)
    self->fresh[list] = g_steal_pointer (&fresh);
  else if (self->failure == NULL)
    self->failure = g_steal_pointer (&error);
  if (--self->n_pending == 0)
    refresh_done (self);
}

static void
listeners_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pServer) self = user_data;

  list_done (self, LISTENERS, p2p_client_list_listeners_finish, source, result);
}

static void
routes_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pServer) self = user_data;

  list_done (self, ROUTES, p2p_client_list_routes_finish, source, result);
}

static void
agents_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pServer) self = user_data;

  list_done (self, AGENTS, p2p_client_list_agents_finish, source, result);
}

void
p2p_server_refresh (P2pServer *self)
{
  g_clear_handle_id (&self->timer_id, g_source_remove);
  self->again = self->n_pending > 0;
  if (self->again)
    return;
  self->n_pending = N_LISTS;
  p2p_client_list_listeners_async (self->client, self->cancellable, listeners_cb,
                                   g_object_ref (self));
  p2p_client_list_routes_async (self->client, self->cancellable, routes_cb, g_object_ref (self));
  p2p_client_list_agents_async (self->client, self->cancellable, agents_cb, g_object_ref (self));
}

P2pServerState
p2p_server_get_state (P2pServer *self)
{
  return self->state;
}

const char *
p2p_server_get_error (P2pServer *self)
{
  return self->error;
}

int
p2p_server_get_retry_s (P2pServer *self)
{
  return self->n_failures == 0 ? REFRESH_S : retry_s[self->n_failures - 1];
}

P2pStore *
p2p_server_get_listeners (P2pServer *self)
{
  return self->lists[LISTENERS];
}

P2pStore *
p2p_server_get_routes (P2pServer *self)
{
  return self->lists[ROUTES];
}

P2pStore *
p2p_server_get_agents (P2pServer *self)
{
  return self->lists[AGENTS];
}

/* A change under way. */
typedef struct
{
  P2pServer *server;     /* (owned) */
  P2pResource *resource; /* (owned) */
  char *title;           /* (owned) what failed, should it fail */
  char *action;          /* (owned) detailed name of the action that tries again */
} Change;

static void
change_free (Change *change)
{
  g_clear_object (&change->server);
  g_clear_object (&change->resource);
  g_free (change->title);
  g_free (change->action);
  g_free (change);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Change, change_free)

/* Whatever the answer, the lists are read again: they are what the switch shows in the end. */
static void
change_done (Change *change, const GError *error)
{
  g_autofree char *text = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (error != NULL)
    {
      text = g_strdup_printf ("%s: %s", change->title, error->message);
      g_signal_emit (change->server, signals[SIGNAL_CALL_FAILED], 0, text, change->action);
    }
  g_ptr_array_add (change->server->touched, g_object_ref (change->resource));
  p2p_server_refresh (change->server);
}

static void
listener_run_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Change) change = user_data;
  g_autoptr (GError) error = NULL;

  p2p_client_run_listener_finish (P2P_CLIENT (source), result, change->resource, &error);
  change_done (change, error);
}

void
p2p_server_run_listener (P2pServer *self, int64_t id, bool start)
{
  P2pResource *listener = p2p_store_find (self->lists[LISTENERS], id);
  Change *change;

  if (listener == NULL)
    return;
  change = g_new0 (Change, 1);
  change->server = g_object_ref (self);
  change->resource = g_object_ref (listener);
  change->title
      = g_strdup_printf (start ? _ ("“%s” could not be started") : _ ("“%s” could not be stopped"),
                         p2p_resource_get_name (listener));
  change->action
      = g_strdup_printf ("win.run-listener((int64 %" PRId64 ", %s))", id, start ? "true" : "false");
  p2p_client_run_listener_async (self->client, listener, start, self->cancellable, listener_run_cb,
                                 change);
}

static void
enabled_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Change) change = user_data;
  g_autoptr (GError) error = NULL;

  p2p_client_enable_finish (P2P_CLIENT (source), result, change->resource, &error);
  change_done (change, error);
}

void
p2p_server_enable (P2pServer *self, P2pResource *resource, bool enabled)
{
  Change *change = g_new0 (Change, 1);

  change->server = g_object_ref (self);
  change->resource = g_object_ref (resource);
  change->title = g_strdup_printf (enabled ? _ ("“%s” could not be enabled")
                                           : _ ("“%s” could not be disabled"),
                                   p2p_resource_get_name (resource));
  change->action = g_strdup_printf ("win.enable-%s((int64 %" PRId64 ", %s))",
                                    p2p_resource_get_path (resource) + 1,
                                    p2p_resource_get_id (resource), enabled ? "true" : "false");
  p2p_client_enable_async (self->client, resource, enabled, self->cancellable, enabled_cb, change);
}
