def artifacts(work):
    return []
