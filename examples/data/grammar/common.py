"""Fillers that are spelled alike in every language of the demo data. All companies are invented."""

BRANDS = {
    "train": """
        Northwind, Brightwell, Solvex, Kestrel, Meridian, Halcyon, Tamarind, Blueridge, Orbitel,
        Quantia, Verdano, Zephyra, Lumenta, Ironbark, Savanna, Baobab
    """,
    "dev": "Copperleaf, Dynacore, Novarra, Silverpine, Umbria, Jacaranda",
    "test": """
        Ashgrove, Belvista, Corvexa, Elmstone, Glasswing, Larkspur, Paragonix, Redfern, Tessaly,
        Wavecrest, Xelora, Acacia
    """,
}

ACRONYMS = {
    "train": "ARDC, BKL, TNRC, EWPO, FDSA, HRU",
    "dev": "GSWA, UPMC",
    "test": "MIRC, NPLA, OHTU, KZDF",
}
