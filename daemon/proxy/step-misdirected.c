/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: a request for a host whose certificate the client did not see on this connection (RFC 9110
 * section 15.5.20). Whoever resumed, or reused, a connection for another name comes again with the
 * right one; an old client that names no host would only get the same again. By the configuration
 * in force: a certificate that was exchanged since the handshake misdirects nobody. */
#include "daemon/proxy/proxy-priv.h"

#include "lib/stream-tls.h"

Step
step_misdirected (Request *req)
{
  P2pSpan sent;

  if (!req->conn->listener->tls || !req->conn->strm)
    return STEP_MORE;
  sent = p2p_stream_tls_server_name (req->conn->strm);
  if (sent.n == 0 || req->head->host.n == 0 || p2p_span_equal (sent, req->head->host)
      || config_same_cert (req->listener, sent, req->head->host))
    return STEP_MORE;
  return answer_error (req, 421, "this connection was made for another host");
}
