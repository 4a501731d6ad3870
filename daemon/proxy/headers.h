/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Heads that we write: what goes to the origin and what goes to the client. Nothing blocks or
 * allocates. */
#pragma once

#include "daemon/proxy/proxy-priv.h"
#include "daemon/proxy/writer.h"


/* The request line and all fields for req->target's origin; false: it does not fit. */
bool headers_write_request (Request *req, bool upgrade, Writer *out);

typedef enum
{
  FRAME_NONE,    /* 1xx, 204, 304, or an answer to HEAD: content-length as the origin said it */
  FRAME_LENGTH,  /* content-length as the origin said it */
  FRAME_CHUNKED,
  FRAME_CLOSE,
} Frame;

/* The origin's answer as the client gets it; close: say that the connection ends. */
bool headers_write_response (const Request *req,
                             const P2pResponseHead *resp,
                             Frame frame,
                             bool close,
                             Writer *out);
