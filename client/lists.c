/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Lists of the management API, page after page by cursor. Main thread; no state beside the task's.
 */
#include "client/calls.h"

#include <glib/gi18n-lib.h>

#include "client/agent.h"
#include "client/error.h"
#include "client/json.h"
#include "client/listener.h"
#include "client/route.h"

enum
{
  PAGE_ITEMS = 1000,
  LIST_MAX_ITEMS = 100000, /* a server that always names another page does not fill our memory */
};

typedef struct
{
  GType type;
  const char *path; /* static */
  GPtrArray *items; /* (owned) */
} List;

static void
list_free (gpointer data)
{
  List *list = data;

  g_ptr_array_unref (list->items);
  g_free (list);
}

static void next_page (GTask *task, const char *cursor);

static const char *
list_fill (List *list, JsonObject *answer, GError **error)
{
  JsonArray *items = p2p_json_array (answer, "items");

  if (items == NULL)
    {
      g_set_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL,
                   _("The server's answer lacks “%s”: is this a p2pstream server?"), "items");
      return NULL;
    }
  for (unsigned i = 0; i < json_array_get_length (items); i++)
    {
      JsonObject *members = p2p_json_array_object (items, i);

      if (members != NULL)
        g_ptr_array_add (list->items, p2p_resource_new (list->type, members));
    }
  return p2p_json_str (answer, "next_cursor", NULL);
}

static void
page_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = p2p_client_call_finish (P2P_CLIENT (source), result, &error);
  List *list = g_task_get_task_data (task);
  const char *cursor = NULL;

  if (node != NULL)
    cursor = list_fill (list, p2p_json_node_object (node), &error);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (cursor == NULL)
    g_task_return_pointer (task, g_ptr_array_ref (list->items), (GDestroyNotify) g_ptr_array_unref);
  else if (list->items->len >= LIST_MAX_ITEMS)
    g_task_return_new_error (task, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL,
                             _("The server's list is too long"));
  else
    next_page (task, cursor);
}

static void
next_page (GTask *task, const char *cursor)
{
  List *list = g_task_get_task_data (task);
  g_autofree char *escaped = cursor != NULL ? g_uri_escape_string (cursor, NULL, FALSE) : NULL;
  g_autofree char *path = g_strdup_printf ("%s?limit=%d%s%s", list->path, PAGE_ITEMS,
                                           escaped != NULL ? "&cursor=" : "",
                                           escaped != NULL ? escaped : "");

  p2p_client_call_async (g_task_get_source_object (task), "GET", path, NULL, NULL,
                         g_task_get_cancellable (task), page_cb, g_object_ref (task));
}

static void
list_async (P2pClient          *self,
            GType               type,
            const char         *path,
            gpointer            source_tag,
            GCancellable       *cancellable,
            GAsyncReadyCallback callback,
            gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  List *list = g_new0 (List, 1);

  g_task_set_source_tag (task, source_tag);
  list->type = type;
  list->path = path;
  list->items = g_ptr_array_new_with_free_func (g_object_unref);
  g_task_set_task_data (task, list, list_free);
  next_page (task, NULL);
}

#define LIST_CALL(resources, type)                                                                 \
  void p2p_client_list_##resources##_async (P2pClient          *self,                              \
                                            GCancellable       *cancellable,                       \
                                            GAsyncReadyCallback callback,                          \
                                            gpointer            user_data)                         \
  {                                                                                                \
    list_async (self, type, "/" #resources, p2p_client_list_##resources##_async, cancellable,      \
                callback, user_data);                                                              \
  }                                                                                                \
  GPtrArray *p2p_client_list_##resources##_finish (P2pClient *self, GAsyncResult *result,          \
                                                   GError **error)                                 \
  {                                                                                                \
    g_return_val_if_fail (g_task_is_valid (result, self), NULL);                                   \
    return g_task_propagate_pointer (G_TASK (result), error);                                      \
  }

LIST_CALL (listeners, P2P_TYPE_LISTENER)
LIST_CALL (routes, P2P_TYPE_ROUTE)
LIST_CALL (agents, P2P_TYPE_AGENT)
#undef LIST_CALL
