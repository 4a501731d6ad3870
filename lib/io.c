/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Texts of the data plane's outcomes. No state; any thread. */
#include "lib/io.h"

const char *
p2p_io_text (P2pIo io)
{
  switch (io)
    {
    case P2P_IO_OK:
      return "ok";
    case P2P_IO_AGAIN:
      return "would block";
    case P2P_IO_EOF:
      return "end of stream";
    case P2P_IO_TIMEOUT:
      return "timed out";
    case P2P_IO_RESET:
      return "connection reset";
    case P2P_IO_OVERFLOW:
      return "limit reached";
    case P2P_IO_PROTO:
      return "protocol error";
    case P2P_IO_TLS:
      return "TLS error";
    case P2P_IO_REFUSED:
      return "connection refused";
    case P2P_IO_SYS:
      return "system error";
    case P2P_IO_STOPPED:
      return "stopping";
    }
  return "unknown";
}
