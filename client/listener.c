/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A public listener. Main thread. */
#include "client/listener.h"

#include "client/json.h"

struct _P2pListener
{
  P2pResource parent_instance;

  char *protocol;     /* (owned) */
  char *bind_address; /* (owned) */
  int port;
};

G_DEFINE_FINAL_TYPE (P2pListener, p2p_listener, P2P_TYPE_RESOURCE)

static void
p2p_listener_apply (P2pResource *resource, JsonObject *members)
{
  P2pListener *self = P2P_LISTENER (resource);
  JsonObject *status = p2p_json_object (members, "status");
  int64_t port = p2p_json_int (status, "bound_port", 0);

  if (port <= 0)
    port = p2p_json_int (members, "port", 0);
  self->port = (int) CLAMP (port, 0, 65535);
  g_free (self->protocol);
  self->protocol = g_strdup (p2p_json_str (members, "protocol", ""));
  g_free (self->bind_address);
  self->bind_address = g_strdup (p2p_json_str (members, "bind_address", ""));
  p2p_resource_set_state (resource, p2p_json_str (status, "state", "unknown"),
                          p2p_json_str (status, "last_error", ""));
}

static void
p2p_listener_finalize (GObject *object)
{
  P2pListener *self = P2P_LISTENER (object);

  g_free (self->protocol);
  g_free (self->bind_address);
  G_OBJECT_CLASS (p2p_listener_parent_class)->finalize (object);
}

static void
p2p_listener_class_init (P2pListenerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_listener_finalize;
  P2P_RESOURCE_CLASS (klass)->apply = p2p_listener_apply;
  P2P_RESOURCE_CLASS (klass)->path = "/listeners";
}

static void
p2p_listener_init (G_GNUC_UNUSED P2pListener *self)
{
}

const char *
p2p_listener_get_protocol (P2pListener *self)
{
  return self->protocol;
}

const char *
p2p_listener_get_bind_address (P2pListener *self)
{
  return self->bind_address;
}

int
p2p_listener_get_port (P2pListener *self)
{
  return self->port;
}
