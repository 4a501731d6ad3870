/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The calls of the management API by name: first run, sign-in and single objects. Lists are in
 * lists.c. Main thread; no state. */
#include "client/calls.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "client/error.h"
#include "client/json.h"

void
p2p_user_free (P2pUser *user)
{
  if (user == NULL)
    return;
  g_free (user->username);
  g_free (user->role);
  g_free (user);
}

static void
set_protocol_error (GError **error, const char *what)
{
  g_set_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL,
               _("The server's answer lacks “%s”: is this a p2pstream server?"), what);
}

static bool
finish_ignored (P2pClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);

  return node != NULL;
}

void
p2p_client_get_setup_async (P2pClient          *self,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  p2p_client_call_async (self, "GET", "/setup", NULL, NULL, cancellable, callback, user_data);
}

bool
p2p_client_get_setup_finish (P2pClient *self,
                             GAsyncResult *result,
                             P2pSetup *ret_setup,
                             GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);
  JsonObject *answer = p2p_json_node_object (node);

  if (node == NULL)
    return false;
  if (answer == NULL || !json_object_has_member (answer, "setup_required"))
    {
      set_protocol_error (error, "setup_required");
      return false;
    }
  ret_setup->required = p2p_json_bool (answer, "setup_required", false);
  ret_setup->window_open = p2p_json_bool (answer, "window_open", false);
  ret_setup->seconds_left
      = (int) CLAMP (p2p_json_int (answer, "window_seconds_left", 0), 0, G_MAXINT);
  return true;
}

static void
call_with_strings (P2pClient          *self,
                   const char         *path,
                   const char *const  *pairs,
                   GCancellable       *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  g_autoptr (JsonObject) members = json_object_new ();
  g_autoptr (JsonNode) body = json_node_init_object (json_node_alloc (), members);

  for (; *pairs != NULL; pairs += 2)
    json_object_set_string_member (members, pairs[0], pairs[1]);
  p2p_client_call_async (self, "POST", path, body, NULL, cancellable, callback, user_data);
}

static P2pUser *
user_from_json (JsonObject *members)
{
  P2pUser *user = g_new0 (P2pUser, 1);

  user->username = g_strdup (p2p_json_str (members, "username", ""));
  user->role = g_strdup (p2p_json_str (members, "role", ""));
  return user;
}

/* {user: {username, role}, expires_at, token} */
static P2pUser *
sign_in_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);
  JsonObject *answer = p2p_json_node_object (node);
  const char *token = p2p_json_str (answer, "token", NULL);

  if (node == NULL)
    return NULL;
  if (token == NULL)
    {
      set_protocol_error (error, "token");
      return NULL;
    }
  p2p_client_set_token (self, token);
  return user_from_json (p2p_json_object (answer, "user"));
}

void
p2p_client_setup_async (P2pClient          *self,
                        const char         *setup_token,
                        const char         *username,
                        const char         *password,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  const char *const pairs[] = { "setup_token", setup_token, "username", username, "password",
                                password,      "session",   "bearer",   NULL };

  call_with_strings (self, "/setup", pairs, cancellable, callback, user_data);
}

P2pUser *
p2p_client_setup_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  return sign_in_finish (self, result, error);
}

void
p2p_client_login_async (P2pClient          *self,
                        const char         *username,
                        const char         *password,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  const char *const pairs[]
      = { "username", username, "password", password, "session", "bearer", NULL };

  call_with_strings (self, "/login", pairs, cancellable, callback, user_data);
}

P2pUser *
p2p_client_login_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  return sign_in_finish (self, result, error);
}

void
p2p_client_logout_async (P2pClient          *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  p2p_client_call_async (self, "POST", "/logout", NULL, NULL, cancellable, callback, user_data);
  p2p_client_set_token (self, NULL);
}

bool
p2p_client_logout_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  return finish_ignored (self, result, error);
}

void
p2p_client_get_me_async (P2pClient          *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  p2p_client_call_async (self, "GET", "/me", NULL, NULL, cancellable, callback, user_data);
}

P2pUser *
p2p_client_get_me_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);
  JsonObject *answer = p2p_json_node_object (node);
  P2pUser *user;

  if (node == NULL)
    return NULL;
  /* An API token belongs to nobody: it has a name of its own. */
  user = g_new0 (P2pUser, 1);
  user->username = g_strdup (p2p_json_str (p2p_json_object (answer, "user"), "username",
                                           p2p_json_str (answer, "name", "")));
  user->role = g_strdup (p2p_json_str (answer, "role", ""));
  return user;
}

void
p2p_client_get_version_async (P2pClient          *self,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  p2p_client_call_async (self, "GET", "/about", NULL, NULL, cancellable, callback, user_data);
}

char *
p2p_client_get_version_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);

  return node != NULL ? g_strdup (p2p_json_str (p2p_json_node_object (node), "version", "")) : NULL;
}

void
p2p_client_run_listener_async (P2pClient          *self,
                               P2pResource        *listener,
                               bool                start,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  g_autofree char *path
      = g_strdup_printf ("%s/%" PRId64 "/%s", p2p_resource_get_path (listener),
                         p2p_resource_get_id (listener), start ? "start" : "stop");

  p2p_client_call_async (self, "POST", path, NULL, NULL, cancellable, callback, user_data);
}

/* The answer of a change is the object as it is now. */
static bool
finish_into (P2pClient *self, GAsyncResult *result, P2pResource *resource, GError **error)
{
  g_autoptr (JsonNode) node = p2p_client_call_finish (self, result, error);

  if (node == NULL)
    return false;
  if (p2p_json_node_object (node) == NULL)
    {
      set_protocol_error (error, "id");
      return false;
    }
  p2p_resource_apply (resource, p2p_json_node_object (node));
  return true;
}

bool
p2p_client_run_listener_finish (P2pClient    *self,
                                GAsyncResult *result,
                                P2pResource  *listener,
                                GError      **error)
{
  return finish_into (self, result, listener, error);
}

void
p2p_client_enable_async (P2pClient          *self,
                         P2pResource        *resource,
                         bool                enabled,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  g_autoptr (JsonObject) members = json_object_new ();
  g_autoptr (JsonNode) body = json_node_init_object (json_node_alloc (), members);
  g_autofree char *path = g_strdup_printf ("%s/%" PRId64, p2p_resource_get_path (resource),
                                           p2p_resource_get_id (resource));
  g_autofree char *etag = g_strdup_printf ("\"%" PRId64 "\"", p2p_resource_get_version (resource));

  json_object_set_boolean_member (members, "enabled", enabled);
  p2p_client_call_async (self, "PATCH", path, body, etag, cancellable, callback, user_data);
}

bool
p2p_client_enable_finish (P2pClient *self,
                          GAsyncResult *result,
                          P2pResource *resource,
                          GError **error)
{
  return finish_into (self, result, resource, error);
}
