"""Models in the layout of Hugging Face (config.json, model.safetensors, tokenizer.json), taken over and handed on."""

from etymon.models.exchange.handing import Exported, export_model
from etymon.models.exchange.taking import Imported, import_model

__all__ = ["Exported", "Imported", "export_model", "import_model"]
