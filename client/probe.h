/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First contact: a TLS handshake that is always refused, to learn which certificate a server shows.
 * No HTTP is spoken here, so nothing can leak to a server that nobody has trusted. Main thread,
 * asynchronous. */
#pragma once

#include <gio/gio.h>

#include "client/address.h"
#include "client/certificate.h"

void p2p_probe_async (const P2pAddress   *address,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data);
P2pCertificate *p2p_probe_finish (GAsyncResult *result, GError **error);

/* The sentence for a connection that could not be made: names the server and the cause. Takes
 * cause. */
GError *p2p_probe_explain (const P2pAddress *address, GError *cause);
