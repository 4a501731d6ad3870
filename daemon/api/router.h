/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* From method, path and query to a route and its parameters. Any thread; no state. */
#pragma once

#include "daemon/api/call.h"

/* API_PROBLEM_NOT_FOUND, or API_PROBLEM_METHOD and *ret_allow (g_free ()). HEAD finds what GET
 * does. Sets call->route, ->id. */
bool
api_router_find (ApiCall *call, P2pSpan method, P2pSpan path, char **ret_allow, GError **error);

/* Fills call->query and call->dry_run; a parameter the route does not know is
 * API_PROBLEM_MALFORMED. */
bool api_router_query (ApiCall *call, P2pSpan query, GError **error);
