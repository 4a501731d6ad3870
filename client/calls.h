/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The calls of the management API by name. Each _finish fails with an error of P2P_CLIENT_ERROR, or
 * with G_IO_ERROR_CANCELLED. Main thread, asynchronous. */
#pragma once

#include "client/client.h"
#include "client/resource.h"

typedef struct
{
  bool required;
  bool window_open;
  int seconds_left;
} P2pSetup;

/* Who is signed in. */
typedef struct
{
  char *username; /* (owned) */
  char *role;     /* (owned) "admin", "operator" or "viewer" */
} P2pUser;

void p2p_user_free (P2pUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (P2pUser, p2p_user_free)

void p2p_client_get_setup_async (P2pClient          *self,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
bool p2p_client_get_setup_finish (P2pClient *self,
                                  GAsyncResult *result,
                                  P2pSetup *ret_setup,
                                  GError **error);

/* Makes the first administrator and signs in: the client has the token afterwards. */
void p2p_client_setup_async (P2pClient          *self,
                             const char         *setup_token,
                             const char         *username,
                             const char         *password,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data);
P2pUser *p2p_client_setup_finish (P2pClient *self, GAsyncResult *result, GError **error);

void p2p_client_login_async (P2pClient          *self,
                             const char         *username,
                             const char         *password,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data);
P2pUser *p2p_client_login_finish (P2pClient *self, GAsyncResult *result, GError **error);

/* Ends the session at the server; the client forgets the token whatever the answer. */
void p2p_client_logout_async (P2pClient          *self,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
bool p2p_client_logout_finish (P2pClient *self, GAsyncResult *result, GError **error);

void p2p_client_get_me_async (P2pClient          *self,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
P2pUser *p2p_client_get_me_finish (P2pClient *self, GAsyncResult *result, GError **error);

/* The server's version; caller owns. */
void p2p_client_get_version_async (P2pClient          *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
char *p2p_client_get_version_finish (P2pClient *self, GAsyncResult *result, GError **error);

/* Every page of a list: a GPtrArray of new P2pListener, P2pRoute or P2pAgent objects. Caller owns.
 */
void p2p_client_list_listeners_async (P2pClient          *self,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
GPtrArray *p2p_client_list_listeners_finish (P2pClient *self, GAsyncResult *result, GError **error);
void p2p_client_list_routes_async (P2pClient          *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
GPtrArray *p2p_client_list_routes_finish (P2pClient *self, GAsyncResult *result, GError **error);
void p2p_client_list_agents_async (P2pClient          *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
GPtrArray *p2p_client_list_agents_finish (P2pClient *self, GAsyncResult *result, GError **error);

/* start: whether it is to run; until the daemon's next start, changing no configuration. */
void p2p_client_run_listener_async (P2pClient          *self,
                                    P2pResource        *listener,
                                    bool                start,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data);
/* The listener as it is now goes into listener. */
bool p2p_client_run_listener_finish (P2pClient    *self,
                                     GAsyncResult *result,
                                     P2pResource  *listener,
                                     GError      **error);

/* Changes "enabled" of a route or an agent, unless someone changed the object since it was read
 * (412). */
void p2p_client_enable_async (P2pClient          *self,
                              P2pResource        *resource,
                              bool                enabled,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
/* The object as it is now goes into resource. */
bool p2p_client_enable_finish (P2pClient *self,
                               GAsyncResult *result,
                               P2pResource *resource,
                               GError **error);
