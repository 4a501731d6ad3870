/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where a route that redirects sends a request. A pure function of its two arguments; any thread.
 */
#pragma once

#include "daemon/proxy/proxy-priv.h"
#include "daemon/proxy/writer.h"

/* The value of Location. */
void redirect_write_location (const ConfigRoute *route, const P2pRequestHead *head, Writer *out);
