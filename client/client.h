/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One server's management API. A client has its own connections, checks the certificate of each
 * before a byte of HTTP leaves, follows no redirect, keeps no cookie and reads no answer without a
 * limit. Main thread, asynchronous; the calls by name are in calls.h. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "client/address.h"
#include "client/certificate.h"
#include "client/pin.h"

#define P2P_TYPE_CLIENT (p2p_client_get_type ())
G_DECLARE_FINAL_TYPE (P2pClient, p2p_client, P2P, CLIENT, GObject)

/* pin NULL: every call fails with P2P_CLIENT_ERROR_NOT_TRUSTED. Both are copied; a new pin needs a
 * new client. */
P2pClient *p2p_client_new (const P2pAddress *address, const P2pPin *pin);

const P2pAddress *p2p_client_get_address (P2pClient *self);
const P2pPin *p2p_client_get_pin (P2pClient *self); /* (nullable) */

/* A session or API token, sent with every call from now on; NULL for none. */
void p2p_client_set_token (P2pClient *self, const char *token);
const char *p2p_client_get_token (P2pClient *self); /* (nullable) */

/* The certificate that was refused last, for a person to look at; NULL when none was. */
P2pCertificate *p2p_client_get_refused (P2pClient *self);

/* path: behind "/api/v1", with its query. body: (nullable), copied. if_match: (nullable) the
 * version that a change is meant for. */
void p2p_client_call_async (P2pClient          *self,
                            const char         *method,
                            const char         *path,
                            JsonNode           *body,
                            const char         *if_match,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data);

/* A JSON null for an empty answer (204). Caller owns. */
JsonNode *p2p_client_call_finish (P2pClient *self, GAsyncResult *result, GError **error);
