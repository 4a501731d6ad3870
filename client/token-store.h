/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Session and API tokens in the person's Secret Service, by server. Nothing is written anywhere
 * else: without a Secret Service the caller keeps the token for its run and tells the person. Main
 * thread, asynchronous. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "client/address.h"

void p2p_token_store_save_async (const P2pAddress   *address,
                                 const char         *token,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
bool p2p_token_store_save_finish (GAsyncResult *result, GError **error);

/* NULL without error: there is none. Free with p2p_token_free (). */
void p2p_token_store_load_async (const P2pAddress   *address,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
char *p2p_token_store_load_finish (GAsyncResult *result, GError **error);
void p2p_token_free (char *token);

/* Forgets; a Secret Service that is not there has nothing to forget, so there is no answer. */
void p2p_token_store_forget (const P2pAddress *address);
