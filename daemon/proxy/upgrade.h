/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Which protocols a connection may switch to (RFC 9110 section 7.8): those that the client names
 * and the target lists, websocket unless said otherwise. Everything else is not passed on, and the
 * request is an ordinary one. Any thread; nothing blocks or allocates. */
#pragma once

#include "daemon/config/config.h"
#include "daemon/proxy/writer.h"
#include "lib/http1.h"

/* Whether msg names a protocol that the target lists, in its Upgrade fields and by its Connection.
 */
bool upgrade_is_offered (const P2pMessage *msg, const ConfigTarget *target);

/* "Upgrade: websocket\r\n" of those, in the order in which msg names them. */
void upgrade_put (Writer *out, const P2pMessage *msg, const ConfigTarget *target);

/* Whether an origin's 101 switches to what the request offered it, and to nothing else. */
bool upgrade_is_answered (const P2pMessage *answer,
                          const P2pMessage *request,
                          const ConfigTarget *target);
