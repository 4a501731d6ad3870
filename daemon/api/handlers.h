/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Prototypes of all handlers, made from the route table. */
#pragma once

#include "daemon/api/call.h"

#define API_ROUTE(method, pattern, handler, action, flags, query)                                 \
  JsonNode *api_##handler (ApiCall *call, GError **error);
#include "daemon/api/routes.inc"
#undef API_ROUTE
