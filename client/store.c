/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A list of the API's objects, merged by id. Main thread. */
#include "client/store.h"

struct _P2pStore
{
  GObject parent_instance;

  GType item_type;
  GPtrArray *items; /* (owned) P2pResource, ids rising */
};

static GType
p2p_store_get_item_type (GListModel *model)
{
  return P2P_STORE (model)->item_type;
}

static guint
p2p_store_get_n_items (GListModel *model)
{
  return P2P_STORE (model)->items->len;
}

static gpointer
p2p_store_get_item (GListModel *model, guint position)
{
  P2pStore *self = P2P_STORE (model);

  return position < self->items->len ? g_object_ref (g_ptr_array_index (self->items, position))
                                     : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = p2p_store_get_item_type;
  iface->get_n_items = p2p_store_get_n_items;
  iface->get_item = p2p_store_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (P2pStore, p2p_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static void
p2p_store_finalize (GObject *object)
{
  g_ptr_array_unref (P2P_STORE (object)->items);
  G_OBJECT_CLASS (p2p_store_parent_class)->finalize (object);
}

static void
p2p_store_class_init (P2pStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_store_finalize;
}

static void
p2p_store_init (P2pStore *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

P2pStore *
p2p_store_new (GType item_type)
{
  P2pStore *self = g_object_new (P2P_TYPE_STORE, NULL);

  self->item_type = item_type;
  return self;
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  int64_t id_a = p2p_resource_get_id (*(P2pResource *const *) a);
  int64_t id_b = p2p_resource_get_id (*(P2pResource *const *) b);

  return id_a < id_b ? -1 : id_a > id_b;
}

static P2pResource *
item_at (P2pStore *self, unsigned at)
{
  return at < self->items->len ? g_ptr_array_index (self->items, at) : NULL;
}

/* Both sequences rise, so one walk through the two finds what went, came and stayed. */
bool
p2p_store_merge (P2pStore *self, GPtrArray *fresh)
{
  unsigned at = 0;
  bool changed = false;

  g_ptr_array_sort (fresh, compare_ids);
  for (unsigned i = 0; i < fresh->len; i++)
    {
      P2pResource *newer = g_ptr_array_index (fresh, i);
      int64_t id = p2p_resource_get_id (newer);
      P2pResource *present;

      if (i > 0 && p2p_resource_get_id (g_ptr_array_index (fresh, i - 1)) == id)
        continue;
      while ((present = item_at (self, at)) != NULL && p2p_resource_get_id (present) < id)
        {
          g_ptr_array_remove_index (self->items, at);
          g_list_model_items_changed (G_LIST_MODEL (self), at, 1, 0);
          changed = true;
        }
      if (present != NULL && p2p_resource_get_id (present) == id)
        changed |= p2p_resource_apply_other (present, newer);
      else
        {
          g_ptr_array_insert (self->items, (int) at, g_object_ref (newer));
          g_list_model_items_changed (G_LIST_MODEL (self), at, 0, 1);
          changed = true;
        }
      at++;
    }
  if (at < self->items->len)
    {
      unsigned n_gone = self->items->len - at;

      g_ptr_array_remove_range (self->items, at, n_gone);
      g_list_model_items_changed (G_LIST_MODEL (self), at, n_gone, 0);
      changed = true;
    }
  return changed;
}

P2pResource *
p2p_store_find (P2pStore *self, int64_t id)
{
  unsigned low = 0, high = self->items->len;

  while (low < high)
    {
      unsigned middle = low + (high - low) / 2;
      P2pResource *item = g_ptr_array_index (self->items, middle);

      if (p2p_resource_get_id (item) == id)
        return item;
      if (p2p_resource_get_id (item) < id)
        low = middle + 1;
      else
        high = middle;
    }
  return NULL;
}
