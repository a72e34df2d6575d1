"""Documents that kustomize or Helm makes of files, with the places of what they were made of.

The programs run without network, plugins, settings of the user, and anything of the environment.
What they could reach for besides is looked for in the files before they start, and refused.
"""
