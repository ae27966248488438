"""From flags to a case folder that a lawyer can file: originals, clips, documents, custody."""
