/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The socket of one public listener, and what its connections share. Called by the acceptor's
 * thread, but for the references, which any thread may give back. Blocks for bind () and listen ()
 * only. */
#pragma once

#include "daemon/proxy/proxy-priv.h"

typedef struct
{
  ListenerRef *ref;   /* (owned) (nullable: not bound) */
  int fd;             /* -1: not bound */
  bool inherited;     /* the service manager's socket, only borrowed */
  char
      *bind_address; /* (owned) (nullable: never tried) as bound, or tried last, like those below */
  uint16_t port;
  ConfigProtocol protocol;
} Listener;

void listener_init (Listener *listener);

/* Not bound. Says in the log that it is. False with a sentence: "port 443: permission denied". */
bool listener_bind (Listener *listener,
                    const ConfigListener *wanted,
                    uint16_t *ret_port,
                    GError **error);

/* Nobody is accepted any more; connections go on. May be called when it is not bound. */
void listener_unbind (Listener *listener, int epoll_fd);

bool listener_is_bound_as (const Listener *listener, const ConfigListener *wanted);
