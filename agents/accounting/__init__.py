"""The accounting of revenue: ASC 606 / IFRS 15 as functions of facts, one idea and its paragraphs per module."""
