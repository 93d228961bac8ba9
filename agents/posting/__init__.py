"""The posting agent: which command may be sent to the ERP, and what follows from its answer."""
