/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Tokens in the Secret Service, over libsecret. Main thread; no state. */
#include "client/token-store.h"

#include <glib/gi18n-lib.h>
#include <libsecret/secret.h>

static const SecretSchema token_schema = {
  .name = "org.p2pstream.Token",
  .flags = SECRET_SCHEMA_NONE,
  .attributes = { { "server", SECRET_SCHEMA_ATTRIBUTE_STRING } },
};

void
p2p_token_store_save_async (const P2pAddress   *address,
                            const char         *token,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_autofree char *label = g_strdup_printf (_("p2pstream session on %s"), address->url);

  secret_password_store (&token_schema, SECRET_COLLECTION_DEFAULT, label, token, cancellable,
                         callback, user_data, "server", address->url, NULL);
}

bool
p2p_token_store_save_finish (GAsyncResult *result, GError **error)
{
  return secret_password_store_finish (result, error);
}

void
p2p_token_store_load_async (const P2pAddress   *address,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  secret_password_lookup (&token_schema, cancellable, callback, user_data, "server", address->url,
                          NULL);
}

char *
p2p_token_store_load_finish (GAsyncResult *result, GError **error)
{
  return secret_password_lookup_finish (result, error);
}

void
p2p_token_free (char *token)
{
  secret_password_free (token);
}

void
p2p_token_store_forget (const P2pAddress *address)
{
  secret_password_clear (&token_schema, NULL, NULL, NULL, "server", address->url, NULL);
}
