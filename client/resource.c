/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API's objects have in common. Main thread. */
#include "client/resource.h"

#include "client/json.h"

typedef struct
{
  JsonObject *members; /* (owned) (nullable) never changed after it was read */
  int64_t id;
  int64_t version;
  const char *name;  /* (borrowed: members) */
  bool enabled;
  char *state;      /* (owned) */
  char *last_error; /* (owned) */
} P2pResourcePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (P2pResource, p2p_resource, G_TYPE_OBJECT)

enum
{
  PROP_ID = 1,
  PROP_NAME,
  PROP_STATE,
  N_PROPS,
};

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static unsigned signals[N_SIGNALS];

#define PRIV(self) ((P2pResourcePrivate *) p2p_resource_get_instance_private (self))

static void
p2p_resource_finalize (GObject *object)
{
  P2pResourcePrivate *priv = PRIV (P2P_RESOURCE (object));

  g_clear_pointer (&priv->members, json_object_unref);
  g_free (priv->state);
  g_free (priv->last_error);
  G_OBJECT_CLASS (p2p_resource_parent_class)->finalize (object);
}

static void
p2p_resource_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  P2pResource *self = P2P_RESOURCE (object);

  switch (prop_id)
    {
    case PROP_ID:
      g_value_set_int64 (value, PRIV (self)->id);
      break;
    case PROP_NAME:
      g_value_set_string (value, p2p_resource_get_name (self));
      break;
    case PROP_STATE:
      g_value_set_string (value, p2p_resource_get_state (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
p2p_resource_class_init (P2pResourceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = p2p_resource_finalize;
  object_class->get_property = p2p_resource_get_property;
  props[PROP_ID] = g_param_spec_int64 ("id", NULL, NULL, 0, G_MAXINT64, 0, flags);
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, "", flags);
  props[PROP_STATE] = g_param_spec_string ("state", NULL, NULL, "", flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
p2p_resource_init (P2pResource *self)
{
  P2pResourcePrivate *priv = PRIV (self);

  priv->name = "";
  priv->state = g_strdup ("");
  priv->last_error = g_strdup ("");
}

P2pResource *
p2p_resource_new (GType type, JsonObject *members)
{
  P2pResource *self = g_object_new (type, NULL);

  p2p_resource_apply (self, members);
  return self;
}

static bool
same_members (JsonObject *a, JsonObject *b)
{
  g_autoptr (JsonNode) node_a = json_node_init_object (json_node_alloc (), a);
  g_autoptr (JsonNode) node_b = json_node_init_object (json_node_alloc (), b);

  return json_node_equal (node_a, node_b);
}

bool
p2p_resource_apply (P2pResource *self, JsonObject *members)
{
  P2pResourcePrivate *priv = PRIV (self);
  g_autoptr (JsonObject) old = NULL;

  if (priv->members != NULL && same_members (priv->members, members))
    return false;
  old = g_steal_pointer (&priv->members); /* name points into it until the end */
  priv->members = json_object_ref (members);
  priv->id = MAX (0, p2p_json_int (members, "id", 0));
  priv->version = p2p_json_int (members, "version", 0);
  priv->name = p2p_json_str (members, "name", "");
  priv->enabled = p2p_json_bool (members, "enabled", true);
  P2P_RESOURCE_GET_CLASS (self)->apply (self, members);

  g_object_freeze_notify (G_OBJECT (self));
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NAME]);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
  g_object_thaw_notify (G_OBJECT (self));
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return true;
}

bool
p2p_resource_apply_other (P2pResource *self, P2pResource *other)
{
  return p2p_resource_apply (self, PRIV (other)->members);
}

const char *
p2p_resource_get_path (P2pResource *self)
{
  return P2P_RESOURCE_GET_CLASS (self)->path;
}

int64_t
p2p_resource_get_id (P2pResource *self)
{
  return PRIV (self)->id;
}

int64_t
p2p_resource_get_version (P2pResource *self)
{
  return PRIV (self)->version;
}

const char *
p2p_resource_get_name (P2pResource *self)
{
  return PRIV (self)->name;
}

bool
p2p_resource_get_enabled (P2pResource *self)
{
  return PRIV (self)->enabled;
}

const char *
p2p_resource_get_state (P2pResource *self)
{
  return PRIV (self)->state;
}

const char *
p2p_resource_get_last_error (P2pResource *self)
{
  return PRIV (self)->last_error;
}

void
p2p_resource_set_state (P2pResource *self, const char *state, const char *last_error)
{
  P2pResourcePrivate *priv = PRIV (self);

  g_free (priv->state);
  priv->state = g_strdup (state);
  g_free (priv->last_error);
  priv->last_error = g_strdup (last_error);
}
